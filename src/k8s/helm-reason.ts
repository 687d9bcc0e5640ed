/** A line of helm's debug log: of helm 3, and of helm 4. */
const debugLine = /^(\S+\.go:\d+: .*\[debug\] |level=DEBUG )/;

/** Where helm says why it could not delete a release's objects; its error does not. */
const notDeleted = /uninstall: Failed to delete release(?:: \[(.*)\]|" .*?error="?\[?(.*?)\]?"?)$/m;

/**
 * What helm says of why it failed, from its standard error with `--debug`: its error, with the reason that `helm uninstall`
 * keeps to the debug log, and what others wrote, such as a credential plugin; nothing else of the debug log.
 * @see https://github.com/helm/helm/blob/v3.19.5/pkg/action/uninstall.go#L123-L127
 */
export function helmReason(stderr: string): string {
  const lines = stderr.split('\n');
  const error = lines.findIndex((line) => line.startsWith('Error: '));
  if (error < 0) return stderr; // it was stopped: the debug log says how far it came
  const trace = lines.findIndex((line, index) => index > error && debugLine.test(line));
  const said = lines
    .slice(0, trace < 0 ? undefined : trace)
    .filter((line) => !debugLine.test(line))
    .join('\n')
    .trimEnd();
  const [, inHelm3, inHelm4] = notDeleted.exec(stderr) ?? [];
  const hidden = inHelm3 ?? inHelm4?.replaceAll('\\"', '"');
  return hidden === undefined ? said : `${said}: ${hidden}`;
}

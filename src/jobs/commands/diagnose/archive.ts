import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import type { EvidenceFile } from '../../../k8s/evidence/evidence.js';

/** Slack shows larger files too, but nobody wants to receive them. */
export const mostBytes = 1_000_000;

/** How much of each file is kept, in characters: less if the archive would be too large otherwise. */
const lengths = [Infinity, 30_000, 10_000, 3_000, 1_000] as const;

/** So many files at most; with a few kilobytes each they always fit. */
const mostFiles = 200;

/**
 * A `.tar.gz` of less than a megabyte, with a README.txt that says what each file is.
 * @param folder the only folder at its top
 */
export async function packEvidence(
  folder: string,
  title: string,
  evidence: readonly EvidenceFile[],
  now: Date,
): Promise<Buffer> {
  const kept = evidence.slice(0, mostFiles);
  for (const length of lengths) {
    const files = kept.map(({ path, says, text }) => ({
      path: safePath(path),
      says,
      text: firstCharacters(text, length),
    }));
    const entries = [{ path: 'README.txt', text: readme(title, files) }, ...files].map(({ path, text }) => {
      const body = Buffer.from(text);
      const header = { name: `${folder}/${path}`, size: body.length, mtime: now, mode: 0o644, type: 'file' as const };
      return { header, body };
    });
    const archive = gzipSync(await packTar(entries));
    if (archive.length < mostBytes) return archive;
  }
  throw new Error('the evidence does not fit into an archive');
}

/** Paths contain names from a virtual cluster, and must not lead out of the folder in which somebody unpacks them. */
const safePath = (path: string): string =>
  path
    .split('/')
    .map((part) => part.replace(/[^\w.-]/g, '_').replace(/^\.+$/, '_'))
    .join('/');

const firstCharacters = (text: string, length: number): string =>
  text.length <= length
    ? text
    : `${text.slice(0, length)}\n… the rest was left out, because the archive would be too large\n`;

function readme(title: string, files: readonly EvidenceFile[]): string {
  const width = Math.max(...files.map(({ path }) => path.length));
  return `${title}

${files.map(({ path, says }) => `${path.padEnd(width)}  ${says}`).join('\n')}

Keys, tokens, passwords and certificates were removed, and so were all annotations and the contents of
Secrets. Long objects, logs and pages were cut. A file that could not be read says why.
`;
}

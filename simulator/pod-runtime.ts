import type { KubeObject } from './objects.js';

/** What a command left behind. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** What goes on in the pods of one API; the API server itself knows nothing of it. */
export interface PodRuntime {
  /** The port of 127.0.0.1 behind a port of a pod; undefined where nothing listens. */
  portOf(pod: KubeObject, port: number): Promise<number | undefined>;
  run(pod: KubeObject, container: string, command: string[]): Promise<CommandResult>;
}

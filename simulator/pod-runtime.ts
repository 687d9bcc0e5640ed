import type { Duplex } from 'node:stream';
import type { KubeObject } from './objects.js';

/** The result of a command. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** What runs in the pods of one API; the API server itself knows nothing about it. */
export interface PodRuntime {
  /** The port on 127.0.0.1 behind a port of a pod; undefined if nothing listens. */
  portOf(pod: KubeObject, port: number): Promise<number | undefined>;
  run(pod: KubeObject, container: string, command: string[]): Promise<CommandResult>;
  /** What serves a new connection to an address as pods see it; undefined if nothing listens. */
  dial(address: string, port: number): ((connection: Duplex) => void) | undefined;
}

/** An error as a message between threads or processes: which of our two kinds it is must not be lost on the way. */
import { EnvironmentError } from "./errors.ts";

export interface SerializedError {
  readonly machine: boolean;
  readonly message: string;
  readonly stack: string | undefined;
}

export function serializeError(cause: unknown): SerializedError {
  const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
  return { machine: cause instanceof EnvironmentError, message, stack };
}

export function deserializeError({ machine, message, stack }: SerializedError): Error {
  const error = machine ? new EnvironmentError(message) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

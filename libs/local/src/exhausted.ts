const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk of the data directory is full.',
  EDQUOT: 'The disk of the data directory is full.',
  EMFILE: 'The server has no file descriptors left.',
  ENFILE: 'The server has no file descriptors left.',
  EAGAIN: 'The server cannot start more processes.',
  ENOMEM: 'The server is out of memory.',
  EROFS: 'The data directory is not writable.',
};

/** The message for an exhausted resource of this machine; null for any other error. */
export function exhausted(error: unknown): string | null {
  return WORDS[String((error as { code?: unknown } | null)?.code)] ?? null;
}

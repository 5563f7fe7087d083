const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk of the data directory is full.',
  EDQUOT: 'The disk of the data directory is full.',
  EMFILE: 'The server has no file descriptor left.',
  ENFILE: 'The server has no file descriptor left.',
  EAGAIN: 'The server can start no more processes.',
  ENOMEM: 'The server is out of memory.',
  EROFS: 'The data directory cannot be written to.',
};

/** What this machine has run out of, in words; null if the error says nothing of the kind. */
export function exhausted(error: unknown): string | null {
  return WORDS[String((error as { code?: unknown } | null)?.code)] ?? null;
}

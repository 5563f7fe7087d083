/** The request was not sent, or not to that address: the address is not allowed. The message does not contain it. */
export class AddressRefused extends Error {
  constructor(
    message: string,
    readonly hostname: string,
    /** What the name leads to: for the operator, as it tells clients about internal networks. */
    readonly addresses: readonly string[],
  ) {
    super(message);
  }

  static of(hostname: string, addresses: readonly string[]): AddressRefused {
    return new AddressRefused(
      `The target is refused: ${hostname} leads to an address that is not allowed.`,
      hostname,
      addresses,
    );
  }
}

/** A part of the request took too long; the message says which. */
export class OutboundTimeout extends Error {
  override readonly name = 'TimeoutError';
}

/** A time as in "within 15 s". */
export const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

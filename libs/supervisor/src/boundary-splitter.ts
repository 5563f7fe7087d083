/**
 * Splits a stream at each occurrence of a boundary that cannot occur in it by chance. Holds back only a tail that may
 * be the beginning of a boundary, so that output is not delayed.
 */
export class BoundarySplitter {
  private tail: Buffer = Buffer.alloc(0);

  constructor(private readonly boundary: Buffer) {}

  /** The parts of the chunk, separated by boundaries. Always at least one, which may be empty. */
  push(chunk: Buffer): Buffer[] {
    let rest = this.tail.length === 0 ? chunk : Buffer.concat([this.tail, chunk]);
    const parts: Buffer[] = [];
    for (let at = rest.indexOf(this.boundary); at >= 0; at = rest.indexOf(this.boundary)) {
      parts.push(rest.subarray(0, at));
      rest = rest.subarray(at + this.boundary.length);
    }
    const held = this.beginningAtEnd(rest);
    this.tail = rest.subarray(rest.length - held);
    parts.push(rest.subarray(0, rest.length - held));
    return parts;
  }

  /** The tail held back, at the end of the stream. */
  flush(): Buffer {
    const tail = this.tail;
    this.tail = Buffer.alloc(0);
    return tail;
  }

  /** Length of the longest suffix of the data that is a prefix of the boundary. */
  private beginningAtEnd(data: Buffer): number {
    for (let length = Math.min(this.boundary.length - 1, data.length); length > 0; length--) {
      if (data.subarray(data.length - length).equals(this.boundary.subarray(0, length))) return length;
    }
    return 0;
  }
}

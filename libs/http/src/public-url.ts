/** Where clients reach the API: behind a proxy not even its path need be what requests say. */
export class PublicUrl {
  /** @param base such as `https://example.com/rdev`; null: URLs are paths, which clients resolve themselves */
  constructor(private readonly base: string | null) {}

  /** The URL to give out for a path of ours, such as `/v1/commands`. */
  of(path: string): string {
    return `${this.base ?? ''}${path}`;
  }
}

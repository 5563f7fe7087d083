/** The URL by which clients reach the API: behind a proxy it cannot be derived from requests, not even its path. */
export class PublicUrl {
  /** @param base such as `https://example.com/rdev`; null: URLs are paths that clients resolve */
  constructor(private readonly base: string | null) {}

  /** The public URL of a path such as `/v1/commands`. */
  of(path: string): string {
    return `${this.base ?? ''}${path}`;
  }
}

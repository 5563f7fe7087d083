/** URLs that messages contain; a port, as the public URL is a matter of HTTP. */
export abstract class Links {
  /** The URL by which clients reach a path of the API. */
  abstract of(path: string): string;
}

/** When something happened that ends commands without a trace: their pod was deleted. */
export interface Loss {
  readonly project: string;
  readonly at: number;
  readonly until: number;
}

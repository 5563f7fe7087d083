const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** The value of a quantity such as `500m` or `1.5Gi`; null if invalid. @see Kubernetes, `Quantity` */
export function parseQuantity(text: string): number | null {
  const [, number, suffix = ''] = /^(\d{1,12}(?:\.\d{1,9})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(text) ?? [];
  const factor = SUFFIXES[suffix];
  return number === undefined || factor === undefined ? null : Number(number) * factor;
}

/** Whether it maps container resources to quantities. */
export function isQuantities(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(
    ([name, amount]) =>
      /^(cpu|memory|ephemeral-storage)$/.test(name) && typeof amount === 'string' && parseQuantity(amount) !== null,
  );
}

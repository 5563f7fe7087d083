import { type ValidationError, getMetadataStorage } from 'class-validator';

/**
 * The index of the first list element that violates an `each` rule, which class-validator does not report; null: the
 * rule is for the whole list.
 */
export function invalidElementIndex(rule: string, { target, property, value }: ValidationError): number | null {
  if (target === undefined || !Array.isArray(value)) return null;
  const storage = getMetadataStorage();
  const { constructor } = target;
  const rules = storage
    .getTargetValidationMetadatas(constructor, '', false, false)
    .filter((metadata) => metadata.each && metadata.propertyName === property);
  for (const { constraintCls, constraints } of rules) {
    const validator = storage.getTargetValidatorConstraints(constraintCls).find(({ name }) => name === rule)?.instance;
    if (validator === undefined) continue;
    const args = { targetName: constructor.name, property, object: target, value, constraints };
    const index = value.findIndex((element: unknown) => validator.validate(element, args) === false);
    if (index >= 0) return index;
  }
  return null;
}

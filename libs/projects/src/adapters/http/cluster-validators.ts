import { isEgressList, isQuantities, parseQuantity } from '@app/kernel';
import { ValidateBy } from 'class-validator';

function checkedBy(name: string, validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name, validator: { validate, defaultMessage: () => message } });
}

function isQuantity(value: unknown): boolean {
  return typeof value === 'string' && parseQuantity(value) !== null;
}

/** Quantities of resources that a container may use. */
export const IsQuantities = (): PropertyDecorator =>
  checkedBy('isQuantities', isQuantities, 'must have amounts like "500m" or "1Gi" of cpu, memory or ephemeral-storage');

/** A quantity of bytes. */
export const IsQuantity = (): PropertyDecorator => checkedBy('isQuantity', isQuantity, 'must be an amount like "10Gi"');

/** A list of allowed destinations. */
export const IsEgress = (): PropertyDecorator =>
  checkedBy(
    'isEgress',
    isEgressList,
    'must have address blocks like "10.1.0.0/16" or "public", each with ":port" or without',
  );

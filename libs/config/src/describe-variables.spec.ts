import { plainToInstance } from 'class-transformer';
import { describeVariables } from './describe-variables.js';
import { FullEnvironment } from './telemetry-environment.js';
import { declaredVariables } from './variable.js';

const defaults = new FullEnvironment() as unknown as Record<string, unknown>;
const described = describeVariables();
const valued = described.filter(({ name }) => defaults[name] !== undefined);

describe('the default of a variable', () => {
  it.each(valued.map((variable) => [variable.name, variable.default]))(
    '%s is shown as it would be set: %s',
    (name, shown) => {
      const [value = ''] = shown.split(' (');
      const set = plainToInstance(FullEnvironment, { [name]: value }) as unknown as Record<string, unknown>;
      expect(set[name]).toEqual(defaults[name]);
    },
  );

  it('is described in words only if there is no value', () => {
    const twice = declaredVariables().filter(
      (variable) => (defaults[variable.name] === undefined) === (variable.default === ''),
    );
    expect(twice.map(({ name }) => name)).toEqual([]);
  });

  it('has a unit for large numbers', () => {
    const { default: shown } = described.find(({ name }) => name === 'RDEV_OUTPUT_LIMIT_BYTES')!;
    expect(shown).toBe('67108864 (64 MiB)');
  });
});

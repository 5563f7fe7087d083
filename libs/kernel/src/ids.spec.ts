import { idFloor, isId, newId } from './ids.js';

describe('ids', () => {
  it('sort by the time they were made', () => {
    const ids = Array.from({ length: 1000 }, () => newId('cmd'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1000);
  });

  it('are recognised by prefix and form', () => {
    expect(isId('cmd', newId('cmd'))).toBe(true);
    expect(isId('key', newId('cmd'))).toBe(false);
    expect(isId('cmd', 'cmd_01jd')).toBe(false);
    expect(isId('cmd', `${newId('cmd')}\n`)).toBe(false);
  });

  it('have a floor per moment', () => {
    const before = idFloor('cmd', new Date(Date.now() - 1));
    const id = newId('cmd');
    const after = idFloor('cmd', new Date(Date.now() + 1));
    expect(before < id && id < after).toBe(true);
  });
});

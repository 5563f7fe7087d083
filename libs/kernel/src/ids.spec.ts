import { idFloor, idTime, isId, newId } from './ids.js';

describe('ids', () => {
  it('sort by creation time', () => {
    const ids = Array.from({ length: 1000 }, () => newId('cmd'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1000);
  });

  it('ascend within a millisecond, and during small clock corrections', () => {
    const at = Date.now();
    const ids = [0, 0, -900, 3, 3].map((ms) => newId('cmd', new Date(at + ms)));
    expect([...ids].sort()).toEqual(ids);
  });

  it('follow the clock back after a jump ahead, and stay unique', () => {
    const now = new Date();
    const before = newId('cmd', now);
    const ahead = newId('cmd', new Date(now.getTime() + 10 * 86_400_000));
    const after = Array.from({ length: 100 }, () => newId('cmd', now));
    expect(idTime(ahead).getTime() - now.getTime()).toBe(10 * 86_400_000);
    expect(after.map((id) => idTime(id))).toEqual(after.map(() => now));
    expect(new Set([before, ahead, ...after]).size).toBe(102);
  });

  it('are recognised by prefix and format', () => {
    expect(isId('cmd', newId('cmd'))).toBe(true);
    expect(isId('key', newId('cmd'))).toBe(false);
    expect(isId('cmd', 'cmd_01jd')).toBe(false);
    expect(isId('cmd', `${newId('cmd')}\n`)).toBe(false);
  });

  it('have a minimum per moment', () => {
    const before = idFloor('cmd', new Date(Date.now() - 1));
    const id = newId('cmd');
    const after = idFloor('cmd', new Date(Date.now() + 1));
    expect(before < id && id < after).toBe(true);
  });
});

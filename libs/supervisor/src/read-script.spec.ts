import { readScript } from './read-script.js';

describe('readScript', () => {
  it.each([
    ['echo a', 'echo a'],
    ['\ufeffecho a\n', 'echo a\n'],
    ['echo a\r\necho b\r\n', 'echo a\necho b\n'],
    ['\ufeffecho a\r\necho b', 'echo a\necho b'],
    ['echo a\r\necho b\n', 'echo a\r\necho b\n'],
    ['\necho a\r\n', '\necho a\r\n'],
    ['echo \ufeff\r', 'echo \ufeff\r'],
    ['\ufeff', ''],
  ])('reads %j', (script, text) => {
    expect(readScript(script)).toEqual({ text, interpreter: [], isShell: true });
  });

  it.each([
    ['#!/bin/bash', ['/bin/bash'], true],
    ['#! /bin/sh -e -x \necho', ['/bin/sh', '-e -x'], true],
    ['\ufeff#!/usr/bin/env bash\r\n', ['/usr/bin/env', 'bash'], true],
    ['#!/usr/bin/env -S zsh -f\n', ['/usr/bin/env', '-S zsh -f'], true],
    ['#!/usr/bin/env python3\r\nprint(1)\n', ['/usr/bin/env', 'python3'], false],
    ['#!/usr/bin/fish\n', ['/usr/bin/fish'], false],
    ['#!/opt/bash/bin/node\n', ['/opt/bash/bin/node'], false],
    ['#!\n/bin/cat', [], true],
    [' #!/bin/cat\n', [], true],
    ['# !/bin/cat\n', [], true],
  ])('finds the program of %j', (script, interpreter, isShell) => {
    expect(readScript(script)).toMatchObject({ interpreter, isShell });
  });
});

import { BoundarySplitter } from './boundary-splitter.js';

const BOUNDARY = Buffer.from('aab');

function split(chunks: string[]): string[] {
  const splitter = new BoundarySplitter(BOUNDARY);
  const sections: string[] = [];
  let section = '';
  for (const chunk of chunks) {
    splitter.push(Buffer.from(chunk)).forEach((part, index) => {
      if (index > 0) {
        sections.push(section);
        section = '';
      }
      section += part.toString();
    });
  }
  return [...sections, section + splitter.flush().toString()];
}

describe('BoundarySplitter', () => {
  it('finds boundaries however the stream is cut', () => {
    const text = 'xaaabyaaaabaabz aa';
    const expected = ['xa', 'yaa', '', 'z aa'];
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        expect(split([text.slice(0, first), text.slice(first, second), text.slice(second)])).toEqual(expected);
      }
    }
    expect(split(text.split(''))).toEqual(expected);
  });

  it('holds back only what may be a beginning of the boundary', () => {
    const splitter = new BoundarySplitter(BOUNDARY);
    expect(splitter.push(Buffer.from('hello')).map(String)).toEqual(['hello']);
    expect(splitter.push(Buffer.from('hello aa')).map(String)).toEqual(['hello ']);
    expect(splitter.push(Buffer.from('x')).map(String)).toEqual(['aax']);
    expect(splitter.flush().length).toBe(0);
  });
});

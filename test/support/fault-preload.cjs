/** Preloaded into an API under test. On SIGUSR2 it does what the file FAULT_FILE says: `clock MS` or `block MS`. */
const { readFileSync } = require('node:fs');

const RealDate = Date;
let offsetMs = 0;

class ShiftedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + offsetMs;
  }
}
globalThis.Date = ShiftedDate;

process.on('SIGUSR2', () => {
  const [what, ms] = readFileSync(process.env.FAULT_FILE, 'utf8').split(' ');
  if (what === 'clock') offsetMs = Number(ms);
  else for (const until = performance.now() + Number(ms); performance.now() < until;);
});

import { attachContract } from './attach-contract.js';
import { Bench } from './harness.js';
import type { Place } from './harness.js';
import { idleContract } from './idle-contract.js';
import { killContract } from './kill-contract.js';
import { namesContract } from './names-contract.js';
import { outputContract } from './output-contract.js';
import { programsContract } from './programs-contract.js';
import { standbyContract } from './standby-contract.js';
import { startContract } from './start-contract.js';
import { stdinContract } from './stdin-contract.js';

export { SUPERVISOR_PROGRAM } from '../src/launcher.js';
export { Bench, START, aRequest, drain, eventually } from './harness.js';
export type { Outcome, Place } from './harness.js';

/**
 * The contract of the supervisor, wherever it runs. Everything is observed through the place's channels.
 * @param place called once, before the first test
 */
export function describeSupervisor(name: string, place: () => Place | Promise<Place>): void {
  describe(`Supervisor: ${name}`, () => {
    let current: Bench;
    const bench = () => current;
    beforeAll(async () => {
      current = new Bench(await place());
    });

    describe('starting', () => {
      startContract(bench);
    });
    describe('standing by', () => {
      standbyContract(bench);
    });
    describe('output', () => {
      outputContract(bench);
    });
    describe('attaching', () => {
      attachContract(bench);
    });
    describe('open stdin', () => {
      stdinContract(bench);
    });
    describe('killing', () => {
      killContract(bench);
    });
    describe('programs', () => {
      programsContract(bench);
    });
    describe('list of processes', () => {
      namesContract(bench);
    });
    describe('waiting', () => {
      idleContract(bench);
    });

    it('leaves no process behind', async () => {
      const left = await bench().supervised();
      await Promise.all(left.map((commandId) => bench().supervisor.cancel(commandId, 0)));
      expect(await bench().supervised()).toEqual([]);
      for (const commandId of left) expect(await bench().processes(commandId)).toEqual([]);
    });
  });
}

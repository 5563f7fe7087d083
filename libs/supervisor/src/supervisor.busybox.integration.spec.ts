import { describeUnder } from '../testing/describe-under.js';

jest.setTimeout(30_000);

describeUnder('busybox');

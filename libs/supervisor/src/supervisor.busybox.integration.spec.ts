import { describeUnder } from '../testing/describe-under.js';

describeUnder('busybox');

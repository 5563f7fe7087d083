import { describeUnder } from '../testing/describe-under.js';
import { Standbys } from './standby.js';

describeUnder('dash', new Standbys(60));

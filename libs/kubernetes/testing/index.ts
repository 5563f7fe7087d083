export { ApiServerStub } from './api-server-stub.js';
export { ExecSession } from './exec-session.js';
export { aPod } from './a-pod.js';
export { call } from './call.js';

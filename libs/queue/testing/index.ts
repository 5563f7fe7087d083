export { AGING_SECONDS, type AdmissionHarness, describeAdmission } from './describe-admission.js';
export { InMemoryAdmission } from './in-memory-admission.js';

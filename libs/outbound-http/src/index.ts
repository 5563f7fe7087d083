export { type AddressRule, addressRule, isPublicAddress } from './address-rule.js';
export { AddressRefused, OutboundTimeout } from './errors.js';
export type { OutboundResponse } from './exchange.js';
export { NameUnresolved } from './names.js';
export { OutboundHttp, type OutboundRequest } from './outbound-http.js';
export { ProxyFailed } from './proxy.js';
export { whyNoTarget } from './target.js';

export { type AddressRule, addressRule, isPublicAddress } from './address-rule.js';
export { AddressRefused, OutboundHttp, type OutboundRequest, type OutboundResponse } from './outbound-http.js';
export { whyNoTarget } from './target.js';

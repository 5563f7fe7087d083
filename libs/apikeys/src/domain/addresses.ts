export { isInNetworks } from '@app/kernel';

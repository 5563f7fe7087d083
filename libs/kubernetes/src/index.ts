export { KubernetesModule } from './kubernetes.module.js';
export { type KubernetesOptions, clusterAddress } from './kube-config.js';
export { type CallOptions, KubernetesClient, orNull } from './kubernetes-client.js';
export { ClusterUnavailable, KubernetesApiError } from './kubernetes.errors.js';
export { type ExecTarget, type ExecOptions, PodExec } from './pod-exec.js';
export { type InformerOptions, type InformerState, PodInformer } from './pod-informer.js';
export { type PodChange } from './pod-cache.js';
export {
  type ObservedPod,
  type ObservedContainer,
  type PodStatus,
  type Termination,
  type Waiting,
  INSTALL_LABEL,
  PROJECT_LABEL,
} from './observed-pod.js';
export { observePod } from './observe-pod.js';
export { CONTAINER_ANNOTATION, KUBECTL_ANNOTATION, chooseContainer } from './choose-container.js';
export { choosePod } from './choose-pod.js';

export const states = {
  initial: 'First copy',
  active: 'In step',
  syncing: 'Syncing',
  degraded: 'Behind',
  paused: 'Paused',
  stopped: 'Stopped',
}

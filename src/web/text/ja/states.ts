import type { Text } from '../en/index.ts'

export const states: Text['states'] = {
  initial: '初回コピー中',
  active: '同期済み',
  syncing: '同期中',
  degraded: '遅延',
  paused: '一時停止中',
  stopped: '停止済み',
}

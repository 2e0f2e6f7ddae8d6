import type { Text } from '../en/index.ts'

export const states: Text['states'] = {
  initial: '初回コピー',
  active: '同期済み',
  syncing: '同期中',
  degraded: '遅れ',
  paused: '一時停止',
  stopped: '停止',
}

import type { Text } from '../en/index.ts'

export const home: Text['home'] = {
  title: (organization) => `組織 ${organization}`,
  lead: 'ミラーの状態と、対応が必要な項目です。',
  mirrors: 'ミラー',
  inStep: '同期済み',
  working: '処理中',
  wrong: '要対応',
  resting: '一時停止または停止',
  repositories: 'リポジトリ',
  stored: '使用容量',
  wrongTitle: '対応が必要な項目',
  allWell: '対応が必要な項目はありません。',
  oldest: '最終確認が古い順',
  first: 'ミラーはまだありません。',
  firstStep: 'カタログからイメージを選びましょう',
}

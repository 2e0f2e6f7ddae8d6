import type { Text } from '../en/index.ts'

export const home: Text['home'] = {
  title: (organization) => `組織 ${organization}`,
  lead: 'ミラーの状態と、対応が必要なもの。',
  mirrors: 'ミラー',
  inStep: '同期済み',
  working: '作業中',
  wrong: '要確認',
  resting: '一時停止・停止',
  repositories: 'リポジトリ',
  stored: '保存容量',
  wrongTitle: '確認が必要なもの',
  allWell: 'すべてソースと同期しています。',
  oldest: '最も長く確認されていないもの',
  first: 'まだ何もミラーされていません。',
  firstStep: 'カタログからイメージを選ぶ',
}

import type { Text } from '../en/index.ts'

export const entry: Text['entry'] = {
  mirror: 'リポジトリにミラー',
  view: 'リポジトリで表示',
  choose: 'このイメージのミラー',
  mirroredInto: 'ミラー先',
  notYet: '所属する組織では、まだミラーされていません。',
  mayNot: (organization) =>
    `ミラーを開始できるのは、${organization} のオーナーと、ミラーを管理するチームのメンバーだけです。いずれかの方に依頼してください。`,
}

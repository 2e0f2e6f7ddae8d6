import type { Text } from '../en/index.ts'

export const entry: Text['entry'] = {
  mirror: 'リポジトリにミラー',
  view: 'リポジトリで表示',
  choose: 'ミラーしているリポジトリ',
  source: 'ソース',
  mirroredInto: 'ミラー先',
  notYet: 'あなたの組織ではまだミラーされていません。',
  mayNot: (organization) =>
    `ミラーを開始できるのは ${organization} のオーナーと、ミラーを管理するチームのメンバーだけです。依頼してください。`,
}

import type { Text } from '../en/index.ts'

export const history: Text['history'] = {
  title: (tag) => `${tag} の履歴`,
  empty: '履歴はまだないか、このサーバーの保存期間を過ぎています。',
  removed: '削除',
  current: '現在',
  byRun: '更新した同期の記録',
  byMirror: 'ミラー',
  restore: '元に戻す',
  restoreLead: 'タグは再びここを指します。ミラーに戻すまで、ミラーはこのタグを動かしません。',
  reason: '理由 (履歴に残ります。任意)',
  restored: (tag) => `${tag} を元に戻しました。`,
  release: 'ミラーに戻す',
  released: '再びミラーの対象になりました。',
  mayNot: 'タグを元に戻せるのはこのリポジトリの管理者だけです。組織のオーナーまたは編集者に依頼してください。',
}

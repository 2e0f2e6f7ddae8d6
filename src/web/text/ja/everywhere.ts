import type { Text } from '../en/index.ts'

export const common: Text['common'] = {
  cancel: 'キャンセル',
  close: '閉じる',
  copy: 'コピー',
  copied: 'コピーしました',
  loading: '読み込み中…',
  never: 'なし',
  retry: '再試行',
  search: '検索',
  whatHappened: 'エラーが発生しました',
  absent: 'ページが見つかりません',
  toStart: 'トップページへ',
  notFound: 'ページが存在しないか、表示する権限がありません。',
  typeName: (name) => `確認のため ${name} と入力してください`,
  incomplete: (count) => `最初の ${count} 件だけを表示しています。`,
  save: '保存',
  more: 'さらに表示',
}

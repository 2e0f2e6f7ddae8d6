import type { Text } from '../en/index.ts'

export const common: Text['common'] = {
  cancel: 'キャンセル',
  close: '閉じる',
  copy: 'コピー',
  copied: 'コピーしました',
  loading: '読み込み中…',
  never: 'なし',
  retry: 'もう一度試す',
  search: '検索',
  whatHappened: 'うまくいきませんでした',
  notFound: 'このアドレスには何もないか、表示する権限がありません。',
  typeName: (name) => `続けるには ${name} と入力してください`,
  incomplete: (count) => `最初の ${count} 件だけを表示しています。検索して絞り込んでください。`,
}

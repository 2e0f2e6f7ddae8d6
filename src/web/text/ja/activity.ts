import type { Text } from '../en/index.ts'

export const activity: Text['activity'] = {
  lead: 'このリポジトリ、タグ、ミラー、Webhook、アクセス権を誰が変更したかの記録です。',
  kind: '種類',
  everything: 'すべて',
  kinds: {
    'repository.*': 'リポジトリ',
    'tag.*': 'タグ',
    'mirror.*': 'ミラー',
    'webhook.*': 'Webhook',
    'team.*': 'アクセス権',
  },
  person: 'ユーザー',
  empty: '該当する記録がないか、このサーバーの保存期間を過ぎています。',
  columns: { at: '日時', who: '実行者', action: '操作', object: '対象', change: '変更内容' },
  refused: '拒否',
}

import type { Text } from '../en/index.ts'

export const explain: Text['explain'] = {
  title: 'タグがここにある理由、ない理由',
  lead: 'タグを入力すると理由を表示します。下には、まだ同期していないタグなどをすべて表示しています。',
  tag: '調べるタグ',
  ask: '調べる',
  all: 'すべて表示',
  allInStep: 'すべてのタグがソースと同期しています。',
  thereIsMore: 'ほかにもあります。調べたいタグを入力してください。',
  state: '状態',
  why: '理由と次の動き',
  here: 'ここ',
  there: 'ソース',
  states: {
    synced: '同期済み',
    pending: 'コピー待ち',
    failed: '失敗',
    held: '保留中',
    excluded: '除外',
    diverged: '相違あり',
    pinned: '固定済み',
    immutable: '変更不可',
    unselected: '対象外',
    retained: '残してあるもの',
    absent: 'ソースで削除済み',
  },
}

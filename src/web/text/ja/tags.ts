import type { Text } from '../en/index.ts'

export const tags: Text['tags'] = {
  columns: {
    name: 'タグ',
    digest: 'ダイジェスト',
    platforms: 'プラットフォーム',
    attestations: '添付',
    size: 'サイズ',
    moved: '移動',
  },
  empty: 'タグはありません。',
  pinned: '固定',
  more: (count) => `ほか ${count} 件`,
}

import type { Text } from '../en/index.ts'

export const tags: Text['tags'] = {
  columns: {
    name: 'タグ',
    digest: 'ダイジェスト',
    platforms: 'プラットフォーム',
    attestations: '付随する成果物',
    size: 'サイズ',
    moved: '最終更新',
  },
  empty: 'タグはありません。',
  pinned: '固定済み',
  more: (count) => `ほか ${count} 件`,
}

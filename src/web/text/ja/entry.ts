import type { Text } from '../en/index.ts'

export const entry: Text['entry'] = {
  mirror: 'リポジトリにミラー',
  view: 'リポジトリで表示',
  choose: 'このイメージのミラー',
  mirroredInto: 'ミラー先',
  notYet: '所属する組織では、まだミラーされていません。',
  mayNot: (organization) =>
    `ミラーを開始できるのは、${organization} のオーナーと、ミラーを管理するチームのメンバーだけです。いずれかの方に依頼してください。`,
  unknown:
    'このリポジトリの情報はカタログにありません。それでもミラーできます。開始するときに、アップストリームへ問い合わせます。',
  undescribed: 'このリポジトリの説明はまだありません。ミラーすると、タグが表示されます。',
  tabs: { overview: '概要', guides: 'ガイド', variants: 'バリアント' },
  facts: { source: 'ソース', home: 'ホームページ', tools: '含まれるもの', alternatives: '代替' },
  none: 'なし',
  picture: (name) => `画像は表示されません: ${name}`,
  columns: {
    variant: 'バリアント',
    tags: 'タグ',
    platforms: 'プラットフォーム',
    packageManager: 'パッケージマネージャー',
    shell: 'シェル',
    user: 'ユーザー',
    mirrored: 'ミラー状況',
  },
  moreTags: (count) => `ほか ${count} 件`,
  partly: (here, all) => `タグ ${all} 件中 ${here} 件`,
}

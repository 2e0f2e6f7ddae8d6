import type { Text } from '../en/index.ts'

export const catalog: Text['catalog'] = {
  title: 'カタログ',
  lead: 'アップストリームが提供するイメージの一覧です。イメージを選んで、組織にミラーできます。',
  upstream: 'アップストリーム',
  searchLabel: 'イメージを探す',
  mirrored: '表示',
  all: 'すべて',
  onlyMirrored: 'ミラーあり',
  notMirrored: 'ミラーなし',
  count: (shown, all) => `${all} 件中 ${shown} 件`,
  empty: '一致するイメージがありません。検索語やフィルターを変えてみてください。',
  noUpstream:
    'アップストリームがまだありません。オーナーが次のコマンドで追加できます: kagami upstream add NAME URL --org ORGANIZATION',
  mirrors: (count) => `ミラー ${count} 件`,
}

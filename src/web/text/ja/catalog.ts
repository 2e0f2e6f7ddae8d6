import type { Text } from '../en/index.ts'

export const catalog: Text['catalog'] = {
  title: 'カタログ',
  lead: 'アップストリームが提供するイメージです。選んで組織にミラーします。',
  upstream: 'アップストリーム',
  searchLabel: 'イメージを探す',
  mirrored: 'ミラー',
  all: 'すべて',
  onlyMirrored: 'ミラー済み',
  notMirrored: '未ミラー',
  count: (shown, all) => `${all} 件中 ${shown} 件`,
  empty: '一致するものがありません。',
  noUpstream: 'アップストリームがまだありません。オーナーが追加します: kagami upstream add NAME URL --org ORGANIZATION',
  mirrors: (count) => `ミラー ${count} 件`,
}

import type { Text } from '../en/index.ts'

export const mirrors: Text['mirrors'] = {
  title: 'ミラー',
  lead: 'リポジトリをソースと同期させ続けるものです。',
  columns: { repository: 'リポジトリ', source: 'ソース', state: '状態', tags: 'タグ', freshness: '最終確認' },
  empty: 'ミラーはまだありません。カタログからイメージを選んでください。',
  since: (time) => `${time}から`,
  syncNow: '今すぐ同期',
  syncing: '実行を開始しました。',
  nextRun: '次の確認',
  schedule: (every) => `${every} ごと`,
  selection: '選択',
  everything: 'すべてのタグ、プラットフォーム、添付物',
  leftOut: 'そのままにするもの',
  failures: '取得できなかったもの',
  stop: 'ミラーを停止',
  stopTitle: (name) => `${name} へのミラーを停止しますか?`,
  stopLead: 'リポジトリは残り、イメージは引き続きプルできます。新しいものは届かなくなります。',
  stopped: 'ミラーを停止しました。イメージはここに残っています。',
  none: 'このリポジトリはミラーではありません。プッシュされたものがすべてです。',
  remedy: '解決するには',
}

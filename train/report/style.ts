/** The look of the page, light and dark. Nothing is fetched: system fonts, no pictures. */
export const style = `
:root { color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --ink: #1b1b19; --soft: #5c5b56; --rule: #dfded8; --field: #f1f0ec;
  --seen: #1f6fc4; --unseen: #c8501b; --both: #0f7d5a; --other: #7a5bb5; --start: #b5b3ab;
  --heat: #17529a; --on-heat: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --page: #161615; --card: #1f1f1d; --ink: #f0efea; --soft: #a9a79f; --rule: #3a3935; --field: #292926;
  --seen: #6aaef2; --unseen: #f08a52; --both: #3fc495; --other: #b79bea; --start: #6b6963;
  --heat: #7fb8f5; --on-heat: #06121f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main, header, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 36px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 26px 0 8px; }
p { margin: 0 0 12px; max-width: 78ch; }
.note, figcaption small, .lead { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; padding: 10px 0; border-top: 1px solid var(--rule); }
a { color: var(--seen); text-decoration: none; } a:hover { text-decoration: underline; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--seen); outline-offset: 2px; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 22px 24px 24px; margin: 18px 0; }
footer { color: var(--soft); padding-bottom: 40px; font-size: 13px; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: 6px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 14px 0 6px; }
.tile { background: var(--field); border-radius: 8px; padding: 12px 14px; border-left: 4px solid var(--rule); }
.tile.seen { border-color: var(--seen); } .tile.unseen { border-color: var(--unseen); } .tile.both { border-color: var(--both); }
.tile dt { color: var(--soft); font-size: 13px; } .tile dd { margin: 0; font-size: 27px; font-weight: 650; line-height: 1.2; }
.tile dd small { font-size: 14px; font-weight: 400; color: var(--soft); }
.tile dd.sub { font-size: 13px; font-weight: 400; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 26px; }
.grid { stroke: var(--rule); stroke-width: 1; } .base { stroke: var(--soft); stroke-width: 1; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
polyline.seen { stroke: var(--seen); } polyline.unseen { stroke: var(--unseen); } polyline.both { stroke: var(--both); } polyline.other { stroke: var(--other); }
circle { stroke: var(--card); stroke-width: 1.5; }
circle.seen { fill: var(--seen); } circle.unseen { fill: var(--unseen); } circle.both { fill: var(--both); } circle.other { fill: var(--other); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); margin: 6px 0 0; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; box-shadow: 0 0 0 1px var(--rule); }
.legend i.line { height: 3px; width: 18px; vertical-align: 4px; box-shadow: none; }
i.seen { background: var(--seen); } i.unseen { background: var(--unseen); } i.both { background: var(--both); } i.other { background: var(--other); } i.start { background: var(--start); }
.bar.start { fill: var(--start); } .bar.both { fill: var(--both); }
.scroll { overflow-x: auto; }
.beside { display: flex; flex-wrap: wrap; gap: 16px 44px; align-items: flex-start; } .beside > .scroll { flex: 1 1 560px; } .beside > aside { flex: 1 1 260px; }
aside h3 { margin-top: 4px; } ol { margin: 0; padding-left: 22px; } li { margin-bottom: 3px; } li small { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; } thead th { color: var(--soft); font-size: 13px; font-weight: 500; }
th, td { padding: 3px 10px 3px 0; } th.number, td.number { text-align: right; width: 64px; padding-right: 28px; white-space: nowrap; }
.ious tbody th { font-weight: 400; white-space: nowrap; width: 1%; padding-right: 16px; }
.ious tr.group th, .ious tr.group td { padding-top: 16px; font-weight: 600; }
.track { display: block; background: var(--field); border-radius: 3px; height: 14px; min-width: 60px; }
.track i { display: block; height: 14px; border-radius: 3px; }
.unseen-name { color: var(--unseen); }
.heat .field { fill: var(--field); } .heat .cell { fill: var(--heat); }
.heat text { font-size: inherit; } .heat text.axis { font-size: 12px; } .heat text.unseen { fill: var(--unseen); }
.heat text.in-cell { fill: var(--ink); font-size: 11px; } .heat text.on-heat { fill: var(--on-heat); font-size: 11px; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(500px, 100%), 1fr)); gap: 26px 30px; }
.panels { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 6px; }
.panels div { font-size: 12px; color: var(--soft); line-height: 1.3; }
.panels img, .maps img { width: 100%; height: auto; display: block; border-radius: 4px; background: var(--field); margin-bottom: 3px; }
.fine img { image-rendering: pixelated; }
.example figcaption { display: flex; justify-content: space-between; gap: 12px; font-size: 13px; }
.similar { margin-top: 22px; border-top: 1px solid var(--rule); padding-top: 18px; }
.maps { display: grid; grid-template-columns: repeat(var(--columns), minmax(84px, 160px)); gap: 10px; overflow-x: auto; font-size: 12px; color: var(--soft); line-height: 1.3; }
.maps h4 { grid-column: 1 / -1; margin: 8px 0 0; font-size: 13px; color: var(--ink); }
.marked { position: relative; } .marked b { position: absolute; border: 2px solid #fff; outline: 2px solid #d21; border-radius: 1px; }
.ramp { display: inline-block; width: 110px; height: 10px; border-radius: 3px; vertical-align: 0; margin: 0 6px; }
details { margin-top: 14px; } summary { cursor: pointer; font-weight: 600; }
.settings { columns: 340px; column-gap: 36px; } .settings div { break-inside: avoid; margin-bottom: 16px; }
.settings h3 { margin: 10px 0 4px; } .settings dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 14px; margin: 0; font-size: 13px; }
.settings dt { color: var(--soft); } .settings dd { margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px; overflow-wrap: anywhere; }
@media print { section { break-inside: avoid; } nav { display: none; } }
`;

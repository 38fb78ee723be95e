/**
 * Our own drawings of dining tables, since no emoji set has one: SVG bodies in a 64 x 64 view box, by the
 * icon names used in `voc_icons.ts`.
 */
export const paintedTables: Readonly<Record<string, string>> = {
  'wooden-table': `
    <path fill="#6d3f1c" d="M10 28h6v28h-6zM48 28h6v28h-6z"/>
    <path fill="#8a5528" d="M17 28h4v20h-4zM43 28h4v20h-4z"/>
    <path fill="#a96a35" d="M8 26h48v6H8z"/>
    <path fill="#c98a4b" d="M10 14h44l8 12H2z"/>
    <path fill="none" stroke="#b07439" d="M7 19.500h50M4.500 23h55"/>`,
  'round-table': `
    <path fill="#52606d" d="M29 26h6v24h-6z"/>
    <path fill="#3e4c59" d="M16 54c2-5 10-6 16-6s14 1 16 6z"/>
    <ellipse cx="32" cy="24" rx="29" ry="11" fill="#b9c3cc"/>
    <ellipse cx="32" cy="21" rx="29" ry="11" fill="#f0f3f5"/>
    <ellipse cx="27" cy="19" rx="14" ry="4" fill="#fff"/>`,
  'cloth-table': `
    <path fill="#7a4a24" d="M12 46h5v13h-5zM47 46h5v13h-5z"/>
    <path fill="#d8414a" d="M12 12h40l10 14v18q-5 6-10 0t-10 0-10 0-10 0-10 0-10 0V26z"/>
    <path fill="#f7d9d9" d="M12 12h6l-8 14v20q-3 3-8-2V26zM29 12h6l2 14v20q-5 3-10 0V26zM46 12h6l10 14v18q-4 4-8 2V26z"/>
    <path fill="#fff" opacity=".25" d="M12 12h40l10 14H2z"/>`,
  'glass-table': `
    <path fill="none" stroke="#1f2933" stroke-width="3" d="M12 30 20 57M52 30 44 57M17 48h30"/>
    <path fill="#8fd3e8" d="M12 17h40l10 13H2z"/>
    <path fill="#4d9fbd" d="M2 30h60v3H2z"/>
    <path fill="#d9f3fa" d="M18 19h8l-8 9h-9zM31 19h4l-6 9h-4z"/>`,
  'pedestal-table': `
    <defs><linearGradient id="wood" x2="0" y2="1"><stop stop-color="#e0a85e"/><stop offset="1" stop-color="#a0622d"/></linearGradient></defs>
    <path fill="url(#wood)" d="M28 22h8q-3 10 1 16 4 8 15 18h-9q-7-4-11-10-4 6-11 10h-9q11-10 15-18 4-6 1-16z"/>
    <path fill="#74401b" d="M5 20h54v4q-27 7-54 0z"/>
    <ellipse cx="32" cy="18" rx="28" ry="8" fill="url(#wood)"/>`,
  'laid-table': `
    <path fill="#31572c" d="M8 30h5v27H8zM51 30h5v27h-5z"/>
    <path fill="#4f772d" d="M2 27h60v6H2z"/>
    <path fill="#90a955" d="M11 12h42l9 15H2z"/>
    <ellipse cx="21" cy="20" rx="9" ry="4.500" fill="#fff"/><ellipse cx="21" cy="20" rx="5" ry="2.500" fill="#cfd8dc"/>
    <ellipse cx="44" cy="20" rx="9" ry="4.500" fill="#fff"/><ellipse cx="44" cy="20" rx="5" ry="2.500" fill="#e76f51"/>
    <path fill="#f4a261" d="M31 8h3v12h-3z"/><path fill="#e9c46a" d="M30 5h5v3h-5z"/>`,
};

/** Line drawings of dining tables: they stand in for the class in art styles that are never trained on. */
export const outlinedTables: Readonly<Record<string, string>> = {
  'wooden-table': `
    <path fill="#a57939" stroke="#000" stroke-width="2.500" stroke-linejoin="round" d="M13 14h38l10 12H3z"/>
    <path fill="#6a462f" stroke="#000" stroke-width="2.500" stroke-linejoin="round" d="M3 26h58v6H3zM9 32h6v25H9zM49 32h6v25h-6z"/>`,
  'round-table': `
    <path fill="none" stroke="#000" stroke-width="2.500" stroke-linecap="round" d="M29 32v18M35 32v18M16 56q16-10 32 0z"/>
    <ellipse cx="32" cy="22" rx="29" ry="10" fill="#d0cfce" stroke="#000" stroke-width="2.500"/>`,
  'cloth-table': `
    <path fill="#92d3f5" stroke="#000" stroke-width="2.500" stroke-linejoin="round" d="M12 13h40l9 13v18q-5 5-9.700 0t-9.700 0-9.700 0-9.700 0-9.700 0V26z"/>
    <path fill="none" stroke="#000" stroke-width="2.500" stroke-linecap="round" d="M3 26h58M14 49v9M50 49v9"/>`,
};

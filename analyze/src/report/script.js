'use strict';
(() => {
  const PAGE = 25;
  const make = (name, text, parent) => {
    const element = document.createElement(name);
    element.textContent = text;
    parent.append(element);
    return element;
  };
  const spaced = cell => cell.endsWith('=') ? cell.slice(0, -1) + ', all equal' : cell.replace('±', ' ± ').replace('± ~', '±~');
  const {compare: compareTexts} = new Intl.Collator('en', {numeric: true});
  // Sorts rows by the numbers that their cells begin with, after `<` or `>`, and texts as texts. Empty cells are always last.
  const sort = (rows, cells, order) => {
    const numbers = cells.map(cell => parseFloat(cell.replace(/^[<>]/, '')));
    rows.sort((a, b) => {
      if (!cells[a] || !cells[b]) return !cells[a] - !cells[b];
      return order * (numbers[a] - numbers[b] || compareTexts(cells[a], cells[b]));
    });
  };

  // Tables: the rows are columns of JSON, and a part of them is shown.
  const sources = new Map();
  for (const script of document.querySelectorAll('script.data')) {
    const source = JSON.parse(script.textContent);
    for (const column of source.columns) {
      column.cells = column.cells.split('|');
      if (column.cells.length < source.rows) column.cells = Array(source.rows).fill(column.cells[0]);
    }
    sources.set(script.id, source);
  }
  for (const box of document.querySelectorAll('.table')) {
    const source = sources.get(box.dataset.source);
    const table = source.tables[box.dataset.table];
    const columns = table.columns.map(index => source.columns[index]);
    const body = box.querySelector('tbody'), heads = [...box.querySelectorAll('th')];
    const count = source.rows;
    let rows = [...Array(count).keys()], first = 0, sorted = -1, order = 1;

    const controls = document.createElement('div');
    controls.className = 'controls';
    box.prepend(controls);
    const label = make('label', 'Filter ', controls);
    const input = document.createElement('input');
    input.type = 'search';
    input.placeholder = 'such as 1,3,6 0.7';
    label.append(input);
    const back = make('button', 'Previous', controls), on = make('button', 'Next', controls);
    back.type = on.type = 'button';
    back.setAttribute('aria-label', 'Previous rows of ' + table.title);
    on.setAttribute('aria-label', 'Next rows of ' + table.title);
    const status = make('span', '', controls);
    status.setAttribute('role', 'status');
    box.querySelector('.count')?.remove();

    const show = () => {
      const shown = rows.slice(first, first + PAGE);
      body.replaceChildren(...shown.map(row => {
        const line = document.createElement('tr');
        for (const column of columns) make('td', spaced(column.cells[row]), line);
        return line;
      }));
      back.disabled = first === 0;
      on.disabled = first + PAGE >= rows.length;
      status.textContent = rows.length === 0 ? 'No rows' :
        `Rows ${first + 1} to ${first + shown.length} of ${rows.length}`;
    };
    const choose = () => {
      const words = input.value.trim().split(/\s+/).filter(word => word);
      // The first columns say which machine of which configuration a row is about. A word is one of their values.
      const keys = columns.slice(0, columns.findIndex(column => column.heading === 'n'));
      const fits = row => words.every(word => keys.some(column => column.cells[row] === word || (word.length > 2 && column.cells[row].includes(word))));
      rows = [...Array(count).keys()].filter(fits);
      if (sorted >= 0) sort(rows, columns[sorted].cells, order);
      first = 0;
      show();
    };
    heads.forEach((head, index) => {
      const text = head.textContent;
      head.textContent = '';
      const button = make('button', text, head);
      button.type = 'button';
      button.addEventListener('click', () => {
        order = sorted === index ? -order : 1;
        sorted = index;
        heads.forEach(other => other.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', order > 0 ? 'ascending' : 'descending');
        choose();
      });
    });
    input.addEventListener('input', choose);
    back.addEventListener('click', () => { first = Math.max(0, first - PAGE); show(); });
    on.addEventListener('click', () => { first += PAGE; show(); });
    show();
  }

  // Pan and zoom: the visible part of a picture is its viewBox.
  for (const box of document.querySelectorAll('.zoom')) {
    const svg = box.querySelector('svg');
    const whole = svg.getAttribute('viewBox').split(' ').map(Number);
    let [x, y, width, height] = whole;
    const set = () => {
      width = Math.min(width, whole[2]);
      height = width * whole[3] / whole[2];
      x = Math.max(0, Math.min(x, whole[2] - width));
      y = Math.max(0, Math.min(y, whole[3] - height));
      svg.setAttribute('viewBox', [x, y, width, height].join(' '));
    };
    const zoom = (factor, across = .5, down = .5) => {
      const next = Math.max(whole[2] / 40, Math.min(whole[2], width * factor));
      x += (width - next) * across;
      y += (width - next) * whole[3] / whole[2] * down;
      width = next;
      set();
    };
    const move = (right, down) => { x += right * width; y += down * height; set(); };
    const all = () => { [x, y, width, height] = whole; set(); };
    const controls = document.createElement('div');
    controls.className = 'controls';
    box.before(controls);
    for (const [text, act] of [['Zoom in', () => zoom(.7)], ['Zoom out', () => zoom(1 / .7)], ['Left', () => move(-.2, 0)], ['Right', () => move(.2, 0)], ['Show all', all]]) {
      const button = make('button', text, controls);
      button.type = 'button';
      button.addEventListener('click', act);
    }
    const keys = {ArrowLeft: () => move(-.1, 0), ArrowRight: () => move(.1, 0), ArrowUp: () => move(0, -.1), ArrowDown: () => move(0, .1),
      '+': () => zoom(.8), '=': () => zoom(.8), '-': () => zoom(1.25), '0': all};
    box.addEventListener('keydown', event => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    // The wheel scrolls the page; with Ctrl it zooms, as in maps.
    box.addEventListener('wheel', event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const place = svg.getBoundingClientRect();
      zoom(event.deltaY < 0 ? .85 : 1 / .85, (event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height);
    }, {passive: false});
    let last = null;
    box.addEventListener('pointerdown', event => {
      if (event.pointerType === 'touch' || event.button !== 0) return;
      last = event;
      box.setPointerCapture(event.pointerId);
      box.classList.add('moving');
    });
    box.addEventListener('pointermove', event => {
      if (!last) return;
      const place = svg.getBoundingClientRect();
      move((last.clientX - event.clientX) / place.width, (last.clientY - event.clientY) / place.height);
      last = event;
    });
    const end = () => { last = null; box.classList.remove('moving'); };
    box.addEventListener('pointerup', end);
    box.addEventListener('pointercancel', end);
  }

  // On paper, everything that is folded away is open.
  addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('.table details')) details.open = true;
  });
})();

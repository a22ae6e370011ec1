"""The curves of a training: what is drawn, and in which colours."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from fake_training_engine import point_after, update_after

from napari_inpaintaff.inpainting import NearHoleError
from napari_inpaintaff.widgets.theme_colours import theme_colours
from napari_inpaintaff.widgets.training_controls import describe_update
from napari_inpaintaff.widgets.training_plot import TrainingPlot


@pytest.fixture
def plot(qtbot):
    plot = TrainingPlot(theme_colours("dark"))
    qtbot.addWidget(plot)
    return plot


def draw(plot, *updates):
    for update in updates:
        plot.show_update(update)
    plot.show_now()
    plot.canvas.draw()


def test_errors_are_percentages_of_a_constant_beside_the_baselines(plot):
    draw(plot, *(update_after(step, 10) for step in (1, 2, 4)))
    minutes, percent = plot.error_curve.get_data()
    assert list(minutes) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert list(percent) == pytest.approx([100, 50, 100 / 3, 25])
    assert plot._gaussian._text.xy[1] == pytest.approx(60)
    # 80 % of the filter's error would be 48 %: the constant's 40 % counts.
    assert plot._zone.get_height() == pytest.approx(40)
    assert plot.error_axes.get_ylim()[1] > 100
    # The axis spans the whole budget.
    assert plot.loss_axes.get_xlim() == pytest.approx((0, 1.0))


def test_a_training_that_has_not_begun_has_no_end(plot):
    update = replace(update_after(1, 10), step=0, progress=0.0, seconds=0.0, seconds_left=math.inf)
    draw(plot, update)
    assert math.isfinite(plot.loss_axes.get_xlim()[1])
    assert describe_update(update).startswith("Learning: 1 s done.")


def test_a_strong_filter_makes_the_zone_lower(plot):
    update = update_after(2, 10)
    good_filter = NearHoleError(0.2, None, 1.0, 1.0, 0.3, 0.5)
    draw(plot, replace(update, history=(replace(point_after(1), quality=good_filter),)))
    assert plot._zone.get_height() == pytest.approx(24)


def test_the_loss_of_a_denoiser_is_not_mixed_with_that_of_the_inpainter(plot):
    draw(plot, *(update_after(step, 10, phase="denoiser") for step in (1, 2, 3)))
    assert len(plot.loss_curve.get_xdata()) == 3
    assert "denoiser" in plot._titles[1].get_text()
    draw(plot, replace(update_after(4, 10), history=()))
    assert len(plot.loss_curve.get_xdata()) == 1
    assert plot._titles[1].get_text() == "Loss"


def test_a_resumed_training_shows_what_was_before(plot):
    draw(plot, update_after(5, 10))
    assert len(plot.loss_curve.get_xdata()) == 5
    plot.clear()
    assert len(plot.loss_curve.get_xdata()) == 0


def test_images_of_nothing_but_background_can_be_drawn(plot):
    nothing = NearHoleError(0.0, None, 0.0, -math.inf, 0.0, -math.inf)
    update = replace(update_after(1, 10), history=(replace(point_after(1), quality=nothing),))
    draw(plot, update)
    assert not plot._gaussian._line.get_visible()
    assert plot._zone.get_height() == pytest.approx(40)


def test_the_plot_follows_the_theme(form_only, model_viewer):
    figure = form_only.plot.figure
    dark = figure.get_facecolor()
    model_viewer.theme = "light"
    assert figure.get_facecolor()[:3] > dark[:3]
    assert theme_colours("light").success != theme_colours("dark").success
